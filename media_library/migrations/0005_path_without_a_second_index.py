from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("media_library", "0004_search_text")]

    operations = [
        migrations.AddConstraint(
            model_name="video",
            constraint=models.UniqueConstraint(fields=("path",), name="videos_path_unique"),
        ),
        migrations.AlterField(
            model_name="video",
            name="path",
            field=models.TextField(db_collation="C", help_text="relative to the library root"),
        ),
    ]
