from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("chat", "0006_mail")]

    operations = [migrations.RemoveField(model_name="call", name="awaited")]
