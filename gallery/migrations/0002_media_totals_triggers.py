"""Keep `media_totals` by one small delta per statement, so that a bulk insert of a million rows moves each total once."""

from django.db import migrations

KEYS = ("category", "orientation")
ROWS = """
    SELECT category,
           coalesce(orientation, '') AS orientation,
           {sign} AS change
    FROM {rows}
    WHERE NOT is_locked
"""
FUNCTION = """
CREATE FUNCTION media_totals_after_{event}() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE delta record;
BEGIN
    FOR delta IN
        SELECT {columns}, sum(change) AS change FROM ({changed}) AS changed
        GROUP BY {columns} HAVING sum(change) <> 0
        ORDER BY {columns}  -- one order for everybody: no deadlock
    LOOP
        UPDATE media_totals SET count = count + delta.change WHERE ({columns}) = ({values});
        IF NOT FOUND THEN
            INSERT INTO media_totals ({columns}, count) VALUES ({values}, delta.change)
            ON CONFLICT ({columns}) DO UPDATE SET count = media_totals.count + excluded.count;
        END IF;
    END LOOP;
    RETURN NULL;
END $$;

CREATE TRIGGER media_totals_after_{event} AFTER {event} ON public_media REFERENCING {tables}
FOR EACH STATEMENT EXECUTE FUNCTION media_totals_after_{event}();
"""
DROP = """
DROP TRIGGER media_totals_after_{event} ON public_media;
DROP FUNCTION media_totals_after_{event}();
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
    dependencies = [("gallery", "0001_initial")]

    operations = [trigger(event, tables, changed) for event, (tables, changed) in EVENTS.items()]
