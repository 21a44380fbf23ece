"""Asks Timberline through ADBC's driver of Flight SQL, and pyarrow, as they are."""

import datetime
import sys
import warnings

import adbc_driver_flightsql.dbapi as flightsql
import pyarrow
import pyarrow.flight

# The driver asks for transactions first, and warns that there are none.
warnings.simplefilter("ignore")
uri = sys.argv[1]


def expect(found, wanted):
    assert found == wanted, f"{found!r} instead of {wanted!r}"


with flightsql.connect(uri) as connection, connection.cursor() as cursor:
    cursor.execute("select 1 as a, 'x' as b, map(['k'], ['v']) as m")
    expect(cursor.fetchall(), [(1, "x", [("k", "v")])])
    cursor.execute("select $1::bigint + 1 as n, $2::varchar as s", (41, "é"))
    expect(cursor.fetchall(), [(42, "é")])
    cursor.execute("select value from generate_series(1, 100000)")
    expect(cursor.fetch_arrow_table().num_rows, 100000)
    cursor.execute("copy (select * from cpu_usage) to 'cpu.arrow'")
    # A statement is run when its answer is read.
    expect(cursor.fetchall(), [])
    cursor.execute("select host, value from 'cpu.arrow' order by host")
    expect(cursor.fetchall(), [("a", 1.0), ("b", 2.5)])
    try:
        cursor.execute("select * from nothing")
        raise AssertionError("no error")
    except flightsql.Error as error:
        assert "nothing" in str(error), error
    objects = connection.adbc_get_objects(depth="all").read_all().to_pylist()
    expect([one["catalog_name"] for one in objects], ["default"])
    tables = {table["table_name"]
              for schema in objects[0]["catalog_db_schemas"]
              for table in schema["db_schema_tables"]}
    assert "metrics" in tables, tables
    schema = connection.adbc_get_table_schema("metrics", db_schema_filter="public")
    assert "time" in schema.names, schema
    expect(connection.adbc_get_table_types(), ["TABLE", "VIEW"])
    expect(connection.adbc_get_info()["vendor_name"], "Timberline")
with flightsql.connect(uri) as connection, connection.cursor() as cursor:
    cursor.executescript("create database site")
    cursor.execute("show databases")
    expect(cursor.fetchall(), [("default",), ("site",)])
header = {"adbc.flight.sql.rpc.call_header.database": "site"}
with flightsql.connect(uri, db_kwargs=header) as connection, connection.cursor() as cursor:
    cursor.executescript("insert into m(time, host, value) values (now(), 'a', 7.5)")
    cursor.execute("select value from m")
    expect(cursor.fetchall(), [(7.5,)])
    objects = connection.adbc_get_objects(depth="catalogs").read_all().to_pylist()
    expect([one["catalog_name"] for one in objects], ["site"])
with flightsql.connect(uri) as connection, connection.cursor() as cursor:
    cursor.execute("select value from site.public.m")
    expect(cursor.fetchall(), [(7.5,)])
    cursor.executescript("drop database site")
try:
    with flightsql.connect(uri, db_kwargs=header) as connection, connection.cursor() as cursor:
        cursor.execute("select 1")
    raise AssertionError("no error")
except flightsql.Error as error:
    assert "site" in str(error), error

AT = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
SECOND = datetime.timedelta(seconds=1)

with flightsql.connect(uri) as connection, connection.cursor() as cursor:
    cursor.execute("insert into flown(time, host, value) values "
                   "('2026-01-01T00:00:00Z', 'a', 1), ('2026-01-01T00:00:01Z', 'a', 2)")
    cursor.adbc_statement.set_sql_query(
        "insert into flown(time, host, value) values ('2026-01-01T00:00:02Z', 'a', 3)")
    expect(cursor.adbc_statement.execute_update(), 1)
    insert = "insert into flown(time, host, value) values ($1, $2, $3)"
    cursor.execute(insert, (AT, "é", 4.5))
    cursor.executemany(insert, [(AT + n * SECOND, "many", float(n)) for n in range(100)])
    cursor.execute("select host, count(*), sum(value) from flown group by host order by host")
    expect(cursor.fetchall(), [("a", 3, 6.0), ("many", 100, 4950.0), ("é", 1, 4.5)])
    for refused, why in [
        (lambda: cursor.execute("subscribe to select time, value from metrics"), "/sql/subscribe"),
        (lambda: cursor.adbc_ingest("flown", pyarrow.table({"value": [1.0]}), "append"), "INSERT"),
    ]:
        try:
            refused()
            raise AssertionError("no error")
        except flightsql.Error as error:
            assert why in str(error), error


def field(number, value):
    """A field of a message of protobuf, of less than 128 bytes."""
    return bytes([number << 3 | 2, len(value)]) + value


kind = b"type.googleapis.com/arrow.flight.protocol.sql.CommandStatementQuery"
command = field(1, kind) + field(2, field(1, b"select 7 as seven"))
with pyarrow.flight.connect(uri) as client:
    info = client.get_flight_info(pyarrow.flight.FlightDescriptor.for_command(command))
    expect(info.schema.names, ["seven"])
    expect(client.do_get(info.endpoints[0].ticket).read_all().to_pylist(), [{"seven": 7}])
print("all is well")
