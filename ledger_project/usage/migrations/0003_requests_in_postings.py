"""What is posted about a request later: corrections, and what was not there to take; and the hold it was permitted by."""

import accounts.folding
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0007_session_key_rules'),
        ('holds', '0004_hold_rewritten'),
        ('usage', '0002_rules'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='usage',
            options={'verbose_name_plural': 'usage'},
        ),
        migrations.RemoveConstraint(
            model_name='usage',
            name='usage_recorded',
        ),
        migrations.RemoveConstraint(
            model_name='usage',
            name='usage_form',
        ),
        migrations.AlterField(
            model_name='usage',
            name='account',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account'),
        ),
        migrations.AddField(
            model_name='usage',
            name='budgets',
            field=models.JSONField(db_default=models.Value([], models.JSONField()), default=list),
        ),
        migrations.AddField(
            model_name='usage',
            name='follows',
            field=models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='usage.usage'),
        ),
        migrations.AddField(
            model_name='usage',
            name='grants',
            field=models.JSONField(db_default=models.Value([], models.JSONField()), default=list),
        ),
        migrations.AddField(
            model_name='usage',
            name='hold',
            field=models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='holds.hold'),
        ),
        migrations.AddField(
            model_name='usage',
            name='kind',
            field=models.TextField(choices=[('recorded', 'Recorded'), ('corrected', 'Corrected'), ('collected', 'Collected')], db_default='recorded', default='recorded'),
        ),
        migrations.AddField(
            model_name='usage',
            name='late',
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name='usage',
            name='paid',
            field=models.DecimalField(db_default=0, decimal_places=0, default=0, max_digits=38),
        ),
        migrations.AddField(
            model_name='usage',
            name='to_account',
            field=models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account'),
        ),
        migrations.AddField(
            model_name='usage',
            name='uncovered',
            field=models.DecimalField(db_default=0, decimal_places=0, default=0, max_digits=38),
        ),
        migrations.AddIndex(
            model_name='usage',
            index=models.Index(fields=['account', 'recorded_at'], name='usage_billed'),
        ),
        migrations.AddIndex(
            model_name='usage',
            index=models.Index(models.F('tenant'), accounts.folding.Folded('source'), accounts.folding.Folded('request_id'), models.F('id'), name='usage_of_request'),
        ),
        migrations.AddConstraint(
            model_name='usage',
            constraint=models.UniqueConstraint(models.F('tenant'), accounts.folding.Folded('source'), accounts.folding.Folded('request_id'), condition=models.Q(('follows__isnull', True)), name='usage_recorded'),
        ),
        migrations.AddConstraint(
            model_name='usage',
            constraint=models.UniqueConstraint(condition=models.Q(('follows__isnull', False)), fields=('follows',), name='usage_superseded'),
        ),
        migrations.AddConstraint(
            model_name='usage',
            constraint=models.UniqueConstraint(condition=models.Q(('follows__isnull', True), ('late', True)), fields=('hold',), name='late_usage_recorded'),
        ),
        migrations.AddConstraint(
            model_name='usage',
            constraint=models.CheckConstraint(condition=models.Q(('remainder__gte', 0), ('uncovered__gte', 0), models.Q(models.Q(('charged__gte', 0), ('cost__gte', 0), ('follows__isnull', True), ('kind', 'recorded')), models.Q(('follows__isnull', False), ('kind', 'corrected')), models.Q(('charged__gt', 0), ('follows__isnull', False), ('kind', 'collected')), _connector='OR')), name='usage_form'),
        ),
    ]
