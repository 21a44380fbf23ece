// Asks Timberline through PostgreSQL's JDBC driver as it is; any surprise is an error.

import java.sql.*;
import java.time.OffsetDateTime;
import java.util.*;

public class Jdbc {
    static void expect(Object found, Object wanted) {
        if (!Objects.equals(found, wanted)) {
            throw new AssertionError(found + " instead of " + wanted);
        }
    }

    static Set<String> column(ResultSet rows, String name) throws SQLException {
        Set<String> found = new TreeSet<>();
        while (rows.next()) {
            found.add(rows.getString(name));
        }
        return found;
    }

    static void statements(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            ResultSet rows = statement.executeQuery(
                "select host, value, time from cpu_usage order by host");
            rows.next();
            expect(rows.getString("host"), "a");
            expect(rows.getDouble("value"), 1.0);
            expect(rows.getObject("time", OffsetDateTime.class).toInstant().toString(),
                "2026-01-01T00:00:00Z");
            ResultSetMetaData about = rows.getMetaData();
            expect(about.getColumnName(1), "host");
            expect(about.getColumnType(2), Types.DOUBLE);
            expect(about.getColumnType(3), Types.TIMESTAMP);
            rows = statement.executeQuery(
                "select [1, 2]::bigint[] as i, ['a', 'b'] as t, map(['k'], ['v']) as m, true as b");
            rows.next();
            expect(Arrays.asList((Object[]) rows.getArray("i").getArray()), List.of(1L, 2L));
            expect(Arrays.asList((Object[]) rows.getArray("t").getArray()), List.of("a", "b"));
            expect(rows.getString("m"), "{\"k\":\"v\"}");
            expect(rows.getBoolean("b"), true);
            try {
                statement.executeQuery("select nothing");
                throw new AssertionError("no error");
            } catch (SQLException error) {
                expect(error.getSQLState(), "42703");
            }
        }
    }

    static void prepared(Connection connection) throws SQLException {
        String sql = "select ?::bigint + 1 as n, ? as s, ?::double as d";
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            // More often than the driver's threshold for statements with a name, in binary.
            for (long number = 0; number < 12; number++) {
                statement.setLong(1, number);
                statement.setString(2, "é");
                statement.setDouble(3, number / 2.0);
                ResultSet rows = statement.executeQuery();
                rows.next();
                expect(rows.getLong("n"), number + 1);
                expect(rows.getString("s"), "é");
                expect(rows.getDouble("d"), number / 2.0);
            }
        }
        String insert = "insert into of_java(time, host, value) values (?, ?, ?)";
        try (PreparedStatement statement = connection.prepareStatement(insert)) {
            for (int second = 0; second < 20; second++) {
                statement.setObject(1, OffsetDateTime.parse("2026-01-01T00:00:00Z").plusSeconds(second));
                statement.setString(2, "j");
                statement.setDouble(3, second);
                statement.addBatch();
            }
            for (int count : statement.executeBatch()) {
                expect(count, 1);
            }
        }
        try (Statement statement = connection.createStatement()) {
            ResultSet rows = statement.executeQuery("select count(*), sum(value) from of_java");
            rows.next();
            expect(rows.getLong(1), 20L);
            expect(rows.getDouble(2), 190.0);
        }
    }

    static void portions(Connection connection) throws SQLException {
        connection.setAutoCommit(false);
        try (Statement statement = connection.createStatement()) {
            statement.setFetchSize(100);
            ResultSet rows = statement.executeQuery("select value from generate_series(1, 1050)");
            long sum = 0;
            while (rows.next()) {
                sum += rows.getLong(1);
            }
            expect(sum, 1050L * 1051 / 2);
        }
        connection.commit();
        connection.setAutoCommit(true);
    }

    static void timeout(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.setQueryTimeout(1);
            statement.executeQuery(
                "select count(*) from generate_series(1, 100000000000) where value % 7 = 9");
            throw new AssertionError("no timeout");
        } catch (SQLException error) {
            expect(error.getSQLState(), "57014");
        }
    }

    // What DBeaver and others build their trees from.
    static void metadata(Connection connection) throws SQLException {
        DatabaseMetaData about = connection.getMetaData();
        expect(about.getDatabaseProductName(), "PostgreSQL");
        expect(about.getDatabaseMajorVersion(), 16);
        expect(column(about.getCatalogs(), "TABLE_CAT").contains("default"), true);
        expect(column(about.getSchemas(), "TABLE_SCHEM").contains("public"), true);
        Set<String> tables = column(about.getTables(null, "public", "%", null), "TABLE_NAME");
        expect(tables.containsAll(Set.of("cpu_usage", "metrics")), true);
        tables = column(
            about.getTables(null, null, "cpu_%", new String[] {"TABLE", "VIEW"}), "TABLE_NAME");
        expect(tables, Set.of("cpu_usage"));
        Map<String, Integer> columns = new TreeMap<>();
        ResultSet rows = about.getColumns(null, "public", "cpu_usage", "%");
        while (rows.next()) {
            columns.put(rows.getString("COLUMN_NAME"), rows.getInt("DATA_TYPE"));
        }
        expect(columns.keySet().containsAll(Set.of("host", "time", "value")), true);
        expect(columns.get("value"), Types.DOUBLE);
        expect(columns.get("host"), Types.VARCHAR);
        // There are no keys and no indexes, and the columns of the answers say so.
        ResultSet keys = about.getPrimaryKeys(null, "public", "cpu_usage");
        expect(keys.findColumn("PK_NAME"), 6);
        expect(keys.next(), false);
        ResultSet indexes = about.getIndexInfo(null, "public", "cpu_usage", false, true);
        expect(indexes.findColumn("FILTER_CONDITION"), 13);
        expect(indexes.getMetaData().getColumnType(4), Types.BIT);
        expect(indexes.next(), false);
        expect(about.getImportedKeys(null, "public", "cpu_usage").next(), false);
        expect(about.getExportedKeys(null, "public", "cpu_usage").next(), false);
        expect(about.getBestRowIdentifier(null, "public", "cpu_usage",
            DatabaseMetaData.bestRowSession, true).next(), false);
        expect(about.getUDTs(null, "public", "%", null).next(), false);
        Map<String, Integer> types = new TreeMap<>();
        rows = about.getTypeInfo();
        while (rows.next()) {
            types.put(rows.getString("TYPE_NAME"), rows.getInt("DATA_TYPE"));
        }
        expect(types.get("float8"), Types.DOUBLE);
        expect(types.get("text"), Types.VARCHAR);
        expect(types.get("timestamptz"), Types.TIMESTAMP);
        expect(types.get("_int8"), Types.ARRAY);
        expect(connection.getSchema(), "public");
        expect(connection.isValid(5), true);
    }

    interface Part {
        void run(Connection connection) throws SQLException;
    }

    public static void main(String[] arguments) throws SQLException {
        Map<String, Part> parts = new LinkedHashMap<>();
        parts.put("statements", Jdbc::statements);
        parts.put("prepared", Jdbc::prepared);
        parts.put("portions", Jdbc::portions);
        parts.put("timeout", Jdbc::timeout);
        parts.put("metadata", Jdbc::metadata);
        boolean well = true;
        for (Map.Entry<String, Part> part : parts.entrySet()) {
            try (Connection connection = DriverManager.getConnection(arguments[0], "ada", "")) {
                part.getValue().run(connection);
            } catch (Exception | AssertionError error) {
                well = false;
                System.out.println(part.getKey() + ": " + error + ", by " + error.getCause());
                for (StackTraceElement element : error.getStackTrace()) {
                    if (element.getClassName().startsWith("Jdbc")) {
                        System.out.println("    at line " + element.getLineNumber());
                    }
                }
            }
        }
        System.out.println(well ? "all is well" : "not well");
    }
}
