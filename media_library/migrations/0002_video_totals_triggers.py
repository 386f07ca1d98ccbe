"""Keep `video_totals` by one small delta per statement, so that a bulk insert of a million rows moves each total once."""

from django.db import migrations

KEYS = ("directory_type", "orientation", "quality", "is_valid", "is_missing", "is_trashed")
ROWS = """
    SELECT coalesce(directory_type, '') AS directory_type,
           coalesce(orientation, '') AS orientation,
           coalesce(quality, '') AS quality,
           is_valid,
           missing_since IS NOT NULL AS is_missing,
           trashed_at IS NOT NULL AS is_trashed,
           {sign} AS change
    FROM {rows}
"""
FUNCTION = """
CREATE FUNCTION video_totals_after_{event}() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE delta record;
BEGIN
    FOR delta IN
        SELECT {columns}, sum(change) AS change FROM ({changed}) AS changed
        GROUP BY {columns} HAVING sum(change) <> 0
        ORDER BY {columns}  -- one order for everybody: no deadlock
    LOOP
        UPDATE video_totals SET count = count + delta.change WHERE ({columns}) = ({values});
        IF NOT FOUND THEN
            INSERT INTO video_totals ({columns}, count) VALUES ({values}, delta.change)
            ON CONFLICT ({columns}) DO UPDATE SET count = video_totals.count + excluded.count;
        END IF;
    END LOOP;
    RETURN NULL;
END $$;

CREATE TRIGGER video_totals_after_{event} AFTER {event} ON videos REFERENCING {tables}
FOR EACH STATEMENT EXECUTE FUNCTION video_totals_after_{event}();
"""
DROP = """
DROP TRIGGER video_totals_after_{event} ON videos;
DROP FUNCTION video_totals_after_{event}();
"""
ADDED, REMOVED = ROWS.format(sign="1", rows="new_rows"), ROWS.format(sign="-1", rows="old_rows")
EVENTS = {
    "insert": ("NEW TABLE AS new_rows", ADDED),
    "update": ("OLD TABLE AS old_rows NEW TABLE AS new_rows", f"{ADDED} UNION ALL {REMOVED}"),
    "delete": ("OLD TABLE AS old_rows", REMOVED),
}


def trigger(event: str, tables: str, changed: str) -> migrations.RunSQL:
    columns, values = ", ".join(KEYS), ", ".join(f"delta.{key}" for key in KEYS)
    create = FUNCTION.format(event=event, tables=tables, changed=changed, columns=columns, values=values)
    return migrations.RunSQL(create, DROP.format(event=event))


class Migration(migrations.Migration):
    dependencies = [("media_library", "0001_initial")]

    operations = [trigger(event, tables, changed) for event, (tables, changed) in EVENTS.items()]
