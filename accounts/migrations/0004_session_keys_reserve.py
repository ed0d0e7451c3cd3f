"""What session keys promise: two columns, and the caps that count them."""

import django.db.models.expressions
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models

from ledger_project.log.online import Briefly


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("accounts", "0003_budgets")]
    operations = [
        Briefly(
            migrations.AddField(
                model_name='sessionkey',
                name='reserved_day',
                field=models.DecimalField(db_default=0, decimal_places=0, default=0, max_digits=38),
            ),
            migrations.AddField(
                model_name='sessionkey',
                name='reserved_total',
                field=models.DecimalField(db_default=0, decimal_places=0, default=0, max_digits=38),
            ),
            migrations.RemoveConstraint(
                model_name='sessionkey',
                name='spend_cap_exceeded',
            ),
            migrations.RemoveConstraint(
                model_name='sessionkey',
                name='session_key_spent',
            ),
            AddConstraintNotValid(
                model_name='sessionkey',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('max_per_spend__isnull', True), ('spent_most__lte', models.F('max_per_spend')), _connector='OR'), models.Q(('max_per_day__isnull', True), ('max_per_day__gte', django.db.models.expressions.CombinedExpression(models.F('spent_day'), '+', models.F('reserved_day'))), _connector='OR'), models.Q(('max_total__isnull', True), ('max_total__gte', django.db.models.expressions.CombinedExpression(models.F('spent_total'), '+', models.F('reserved_total'))), _connector='OR')), name='spend_cap_exceeded'),
            ),
            AddConstraintNotValid(
                model_name='sessionkey',
                constraint=models.CheckConstraint(condition=models.Q(('spent_most__gte', 0), ('spent_day__gte', 0), ('spent_total__gte', models.F('spent_day')), ('reserved_day__gte', 0), ('reserved_total__gte', models.F('reserved_day'))), name='session_key_spent'),
            ),
        ),
    ]
