"""Grants that are paid for, have an order and a scope, and are set aside by holds."""

from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models
from django.db.models import F, Q

from ledger_project.log.online import Briefly


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('journal', '0002_v0_1_rules'),
    ]

    operations = [
        Briefly(
            migrations.AddField(
                model_name='promogrant',
                name='kind',
                field=models.TextField(choices=[('promo', 'promo'), ('paid', 'paid')], db_default='promo', default='promo'),
            ),
            migrations.AddField(
                model_name='promogrant',
                name='held',
                field=models.DecimalField(db_default=0, decimal_places=0, default=0, max_digits=38),
            ),
            migrations.AddField(
                model_name='promogrant',
                name='priority',
                field=models.SmallIntegerField(db_default=100, default=100),
            ),
            migrations.AddField(
                model_name='promogrant',
                name='starts_at',
                field=models.DateTimeField(blank=True, null=True),
            ),
            migrations.AddField(
                model_name='promogrant',
                name='automatic',
                field=models.BooleanField(db_default=False, default=False),
            ),
            migrations.AddField(
                model_name='promogrant',
                name='voided_at',
                field=models.DateTimeField(blank=True, null=True),
            ),
            migrations.AddField(
                model_name='promogrant',
                name='models',
                field=models.JSONField(blank=True, null=True),
            ),
            migrations.RemoveConstraint(
                model_name='promogrant',
                name='promo_exceeds_grant',
            ),
            AddConstraintNotValid(
                model_name='promogrant',
                constraint=models.CheckConstraint(
                    condition=Q(
                        spent__gte=0, held__gte=0, burned__gte=0, amount__gte=F('spent') + F('held') + F('burned')
                    ),
                    name='promo_exceeds_grant',
                ),
            ),
            AddConstraintNotValid(
                model_name='promogrant',
                constraint=models.CheckConstraint(condition=Q(kind__in=['promo', 'paid']), name='grant_kind'),
            ),
        ),
    ]
