"""Asks Timberline through psycopg and asyncpg as they are; any surprise is an error."""

import asyncio
import datetime
import decimal
import json
import sys
import threading
import time

import asyncpg
import psycopg

host, port = sys.argv[1].rsplit(":", 1)
port = int(port)
UTC = datetime.timezone.utc
AT = datetime.datetime(2026, 1, 1, 12, 0, 0, 500000, tzinfo=UTC)
SLOW = "select count(*) from generate_series(1, 100000000000) where value % 7 = 9"
SERIES = "select value from generate_series(1, 25)"


def expect(found, wanted):
    assert found == wanted, f"{found!r} instead of {wanted!r}"


def raises(kind, do):
    try:
        do()
    except kind:
        return
    raise AssertionError(f"no {kind}")


def with_psycopg():
    dsn = f"host={host} port={port} user=ada dbname=default"
    with psycopg.connect(dsn, autocommit=True) as connection:
        row = "select 1, 'x', null, 0.5::double, true, 'NaN'::double"
        expect(connection.execute(row).fetchone()[:5], (1, "x", None, 0.5, True))
        found = connection.execute("select %s + 1, %s, %s::timestamptz", (41, "é", AT)).fetchone()
        expect(found[:2], (42, "é"))
        kinds = ("select 18446744073709551615, map(['a'], ['b']), [1, 2], interval '1 day', "
                 "date '2026-01-01', timestamptz '2026-01-01T12:00:00.5Z'")
        for binary in (False, True):
            found = connection.cursor(binary=binary).execute(kinds).fetchone()
            expect(found, (decimal.Decimal(18446744073709551615), {"a": "b"}, [1, 2],
                           datetime.timedelta(days=1), datetime.date(2026, 1, 1), AT))
        raises(psycopg.errors.UndefinedTable, lambda: connection.execute("select * from nothing"))
        raises(psycopg.errors.UndefinedColumn, lambda: connection.execute("select nothing"))
        try:
            connection.execute("select 1 +\n   selec from")
        except psycopg.Error as error:
            expect(error.diag.sqlstate, "42601")
        stream = connection.cursor().stream("select value from generate_series(1, 50000)")
        expect(sum(1 for _ in stream), 50000)
        with connection.cursor().copy(
                "copy (select value, null from generate_series(1, 3)) to stdout") as copied:
            expect(list(copied.rows()), [("1", None), ("2", None), ("3", None)])
        copy = "copy (select value, value / 2.0 as half from generate_series(1, 9)) to 'n.parquet'"
        expect(connection.execute(copy).statusmessage, "COPY 9")
        expect(connection.execute("select sum(value) from 'n.parquet' where half > %s",
                                  (3,)).fetchone(), (24,))
        raises(psycopg.Error, lambda: connection.execute(copy))
        for number in range(8):
            found = connection.execute("select %s::bigint", (number,), prepare=True).fetchone()
            expect(found, (number,))
        connection.execute("set statement_timeout = '200ms'")
        raises(psycopg.errors.QueryCanceled, lambda: connection.execute(SLOW))
        connection.execute("reset all")
        ended = threading.Event()

        def cancel():
            # One that comes while the statement is still being planned is not for it.
            while not ended.wait(0.2):
                connection.cancel()

        canceling = threading.Thread(target=cancel, daemon=True)
        canceling.start()
        begun = time.monotonic()
        raises(psycopg.errors.QueryCanceled, lambda: connection.execute(SLOW))
        ended.set()
        canceling.join()
        assert time.monotonic() - begun < 60, "not canceled, but out of time"
        expect(connection.execute("select 7").fetchone(), (7,))
        # One request is enough, also while the statement is planned, which takes a while for so long a one.
        long = SLOW + " and value < 1000" + " + value - value" * 500
        canceling = threading.Timer(0.4, connection.cancel)
        canceling.start()
        try:
            connection.execute(long)
            raise AssertionError("not canceled")
        except psycopg.errors.QueryCanceled as error:
            assert "user request" in str(error), error
        canceling.join()
        found = connection.execute("select value from generate_series(1, 25) order by value "
                                   "limit %s offset %s", (2, 3)).fetchall()
        expect(found, [(4,), (5,)])
        found = connection.execute(f"{SERIES} where value = any(%s)", ([3, 30, 4],)).fetchall()
        expect(sorted(found), [(3,), (4,)])
        for wrong in ("select 9223372036854775807 + 1",
                      f"select value * 9223372036854775807 from ({SERIES}) n"):
            raises(psycopg.errors.NumericValueOutOfRange, lambda: connection.execute(wrong))
    with psycopg.connect(dsn) as connection:
        with connection.cursor(name="of mine") as cursor:
            cursor.itersize = 10
            cursor.execute(f"{SERIES} where value > %s", (5,))
            expect(cursor.description[0].name, "value")
            expect([value for (value,) in cursor], list(range(6, 26)))
        raises(psycopg.Error, lambda: connection.execute("select nothing"))
        raises(psycopg.errors.InFailedSqlTransaction, lambda: connection.execute("select 1"))
        connection.rollback()
        expect(connection.execute("select 1").fetchone(), (1,))
    raises(psycopg.OperationalError,
           lambda: psycopg.connect(f"host={host} port={port} user=ada dbname=nothing"))


async def with_asyncpg():
    target = {"host": host, "port": port, "user": "ada", "database": "default"}
    connection = await asyncpg.connect(**target)
    row = await connection.fetchrow("select $1::bigint + 1 as n, $2::varchar as s", 41, "é")
    expect((row["n"], row["s"]), (42, "é"))
    row = await connection.fetchrow("select $1::timestamptz as t, ['a'] as l, true as b", AT)
    expect((row["t"], row["l"], row["b"]), (AT, ["a"], True))
    arrays = await connection.fetchrow(
        "select [1, 2]::bigint[] as i, [0.5, null]::double[] as f, [1]::smallint[] as s, "
        "['2026-01-01T12:00:00.5Z'::timestamptz] as t, [18446744073709551615] as n, "
        "['2026-01-01'::date] as d, [true] as b, ['é', 'a,\"b'] as x, "
        "arrow_cast([]::bigint[], 'List(Int64)') as e")
    expect(tuple(arrays), ([1, 2], [0.5, None], [1], [AT], [decimal.Decimal(18446744073709551615)],
                           [datetime.date(2026, 1, 1)], [True], ["é", 'a,"b'], []))
    await connection.set_type_codec(
        "json", schema="pg_catalog", encoder=json.dumps, decoder=json.loads)
    expect(await connection.fetchval("select map(['a', 'b'], [1, null])"), {"a": 1, "b": None})
    expect(await connection.fetchval("select $1::bigint[]", [5, 6]), [5, 6])
    # It sends what the announced types say, and nothing else.
    limited = f"{SERIES} order by value limit $1 offset $2"
    expect([row["value"] for row in await connection.fetch(limited, 2, 3)], [4, 5])
    expect([row["value"] for row in await connection.fetch(limited, None, 24)], [25])
    among = f"select count(*) from ({SERIES}) n where value = any($1) and value > all($2)"
    expect(await connection.fetchval(among, [3, 30, 4], [1, 3]), 1)
    above = f"select count(*) from ({SERIES}) n where value > any($1)"
    expect(await connection.fetchval(above, [20, 22]), 5)
    hosts = "select count(*) from wrote where host = any($1)"
    expect(await connection.fetchval(hosts, ["a", "it's é", "none"]), 3)
    numbers = "select count(*) from wrote where host = 'a' and value = any($1)"
    expect(await connection.fetchval(numbers, [1.0, 2.0]), 1)
    async with connection.transaction():
        found = [row["value"] async for row in connection.cursor(SERIES, prefetch=10)]
        expect(found, list(range(1, 26)))
    try:
        await connection.fetch(SLOW, timeout=0.3)
        raise AssertionError("no timeout")
    except asyncio.TimeoutError:
        pass
    expect(await connection.fetchval("select 42"), 42)
    await connection.close()
    pool = await asyncpg.create_pool(min_size=2, max_size=2, **target)
    expect(await asyncio.gather(*(pool.fetchval("select 1") for _ in range(10))), [1] * 10)
    await pool.close()


def writes():
    """INSERT by both protocols, with parameters, of many rows, and of many rows of parameters."""
    dsn = f"host={host} port={port} user=ada dbname=default"
    with psycopg.connect(dsn, autocommit=True) as connection:
        simple = connection.execute(
            "insert into wrote(time, host, value) values ('2026-01-01T12:00:00Z', 'a', 1), "
            "('2026-01-01T12:00:01Z', 'a', 2.5)")
        expect((simple.statusmessage, simple.rowcount), ("INSERT 0 2", 2))
        insert = "insert into wrote(time, host, value) values (%s, %s, %s)"
        expect(connection.execute(insert, (AT, "it's é", 3)).rowcount, 1)
        binary = "insert into wrote(time, host, value) values (%b, %b, %b)"
        second = datetime.timedelta(seconds=1)
        expect(connection.execute(binary, (AT + second, "b", 3.5)).rowcount, 1)
        rows = [(AT + n * second, "many", float(n)) for n in range(500)]
        with connection.cursor() as cursor:
            cursor.executemany(insert, rows)
            expect(cursor.rowcount, 500)
        values = ", ".join("(%s, %s, %s)" for _ in rows)
        flat = [cell for at, _, value in rows for cell in (at, "wide", value)]
        wide = f"insert into wrote(time, host, value) values {values}"
        expect(connection.execute(wide, flat).rowcount, 500)
        everything = ("insert into metrics(time, metric, tags, value) "
                      "values (%s, 'wrote', map(['host'], [%s]), %s)")
        expect(connection.execute(everything, (AT, "map", 4)).rowcount, 1)
        copied = connection.execute(
            "insert into wrote(time, host, value) "
            "select time, 'twice', 2 * value from wrote where host = %s", ("many",))
        expect(copied.rowcount, 500)
        found = connection.execute("select host, count(*), sum(value) from wrote "
                                   "group by host order by host").fetchall()
        all_of = sum(range(500))
        expect(found, [("a", 2, 3.5), ("b", 1, 3.5), ("it's é", 1, 3), ("many", 500, all_of),
                       ("map", 1, 4), ("twice", 500, 2 * all_of), ("wide", 500, all_of)])
        raises(psycopg.errors.Error, lambda: connection.execute(insert, (None, "a", 1)))
        raises(psycopg.errors.Error, lambda: connection.execute(insert, (AT, "a", "x")))
        expect(connection.execute("select count(*) from wrote where host = 'a'").fetchone(), (2,))


def subscribe_is_for_others():
    dsn = f"host={host} port={port} user=ada dbname=default"
    with psycopg.connect(dsn, autocommit=True) as connection:
        try:
            connection.execute("subscribe to select time, value from metrics")
            raise AssertionError("no error")
        except psycopg.errors.FeatureNotSupported as error:
            assert "/sql/subscribe" in str(error), error
        expect(connection.execute("select 1").fetchone(), (1,))


async def asyncpg_writes():
    connection = await asyncpg.connect(host=host, port=port, user="ada", database="default")
    insert = "insert into wrote_too(time, host, value) values ($1, $2, $3)"
    # It asks for the types of the parameters, and sends what they say.
    expect(await connection.execute(insert, AT, "a", 1.5), "INSERT 0 1")
    second = datetime.timedelta(seconds=1)
    await connection.executemany(insert, [(AT + n * second, "b", float(n)) for n in range(50)])
    found = await connection.fetch("select host, count(*) as n from wrote_too "
                                   "group by host order by host")
    expect([tuple(row) for row in found], [("a", 1), ("b", 50)])
    await connection.close()


with_psycopg()
writes()
subscribe_is_for_others()
asyncio.run(asyncpg_writes())
asyncio.run(with_asyncpg())
print("all is well")
