"""Filters by who evaluates them. The table is that of pushdown_tables."""

#: Evaluated by the store alone.
EXACT = [
    "i = 3", "i <> 3", "i <=> 3", "i <=> NULL", "i < 3", "i <= 3", "i > 3", "3 >= i", "l = 3", "by > 3", "sh < -5",
    "l > 9007199254740992", "i IN (1, 2, 3)", "i IN (1,2,3,4,5,6,7,8,9,10,11,12)", "i NOT IN (1, 2)", "i IN (1, NULL)",
    "s IN ('a', 'b')", "s IN ('é', 'x', '')", "i IS NULL", "i IS NOT NULL", "i = 1 AND s = 'a'", "i = 1 OR s = 'a'",
    "(i = 1 AND s = 'a') OR (i = 2 AND s = 'b')", "NOT (i = 1 AND s = 'a')", "b", "NOT b", "b IS NULL", "bin IS NULL", "b <=> true",
    "b = (i > 1)", "s LIKE 'ab%'", "s LIKE '%b'", "s LIKE '%b%'", "s LIKE 'a%c'", "s LIKE 'abc'", "s NOT LIKE 'a%'",
    "s LIKE '日%'", "startswith(s, 'ab')", "contains(s, ' ')", "contains(s, '')", "endswith(s, '')", "startswith(s, '')", "s > 'a'", "s <= 'é'", "s < s2",
    "s = s2", "s <=> s2", "i = i2", "i < i2", "i = l", "by < sh", "sh = i", "i < x", "x = x2", "x < x2", "x <=> x2",
    "x >= x2", "x = 0", "x = -0.0", "x > 0", "x = double('NaN')", "x >= double('NaN')", "x < double('NaN')",
    "x IN (1.5, double('NaN'), 0.0)", "x NOT IN (1.5, 0.0)", "x IN (0.0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, double('NaN'))",
    "x IN (-0.0D, 11, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12)", "f IN (0.0F, 1.5F)", "by IN (1, 2, -128)", "b IN (true)", "x = double('Infinity')", "x <> 1.5", "f = 1.5", "f < 0.1",
    "f > CAST('0.1' AS FLOAT)", "f = CAST('0.1' AS FLOAT)", "f = CAST('NaN' AS FLOAT)", "f < x", "x / 2 > 3",
    "x * 2 - 1 > 2", "x + x2 > 1", "x - x2 = 0", "-x > 1", "abs(x) = 1.5", "sqrt(x) > 1.3",
    "i / 2 > 1.5", "i % 2 = 1", "i % 7 = -1", "i & 3 = 1", "i | 1 = 3",
    "i ^ 2 = 1", "~i = -4", "by + 3 > 5", "by % 3 = 2",
    "CAST(i AS STRING) = '5'", "CAST(i AS BIGINT) > 100", "CAST(i AS DOUBLE) = 2", "CAST(b AS STRING) = 'true'",
    "d = DATE '1995-01-01'", "d >= '1995-01-01'", "d BETWEEN DATE '1995-01-01' AND DATE '1996-01-01'", "d = d2",
    "d2 < DATE '0001-01-01'", "d IN (DATE '1995-03-15', DATE '1969-12-31')",
    "d2 IN (DATE '+12020-01-02', DATE '0000-01-01', DATE '1995-01-01')", "year(d) = 1995", "month(d) = 3",
    "day(d) = 31", "quarter(d) = 1", "dayofweek(d) = 2", "dayofyear(d) = 366", "weekday(d) = 3", "weekofyear(d) = 1",
    "extract(YEAROFWEEK FROM d) = 2025", "year(d2) > 9999", "year(d2) < 0", "month(d2) = 7", "dayofweek(d2) = 4",
    "weekofyear(d2) > 26", "year(d) + 1 = 1996", "date_add(d, 1) > DATE '1995-01-01'",
    "d + INTERVAL 1 DAY > DATE '1995-01-01'", "datediff(d, DATE '1995-01-01') > 3", "datediff(d, d2) = 0",
    "ts >= TIMESTAMP '1995-01-01 12:00:00'", "ts >= '1995-01-01'", "ts >= DATE '1995-01-01'", "hour(ts) = 23",
    "minute(ts) = 4", "year(ts) = 1969", "dayofyear(ts) = 365", "CAST(ts AS DATE) = DATE '2020-01-02'",
    "ts IN (TIMESTAMP '1995-01-01 12:00:00')", "ts IN (TIMESTAMP '+12020-01-01 12:00:00', TIMESTAMP '1995-01-01 12:00:00')",
    "tn >= TIMESTAMP_NTZ '1995-01-01 12:00:00'", "hour(tn) = 12",
    "month(tn) = 12", "tn < TIMESTAMP_NTZ '1000-01-01 00:00:00'", "dec > 1.5", "dec > 1.505", "dec = 1", "dec < -1.2",
    "dec IN (1.5, 12.34, 100)", "dec <> 1.50", "dec = dec2", "dec2 >= 999.99", "dec + dec2 > 10", "dec * 2 > 20",
    "dec * dec2 < 0", "-dec > 1", "abs(dec2) = 999.99", "dec - 1 = 0.5", "dec > i", "length(s) > 2", "char_length(s) = 1",
    "length(s) % 2 = 0", "substring(s, 1, 2) = 'ab'", "substr(s, 2) = 'b'", "left(s, 1) = 'a'",
    "right(s, 2) = 'bc'", "substring(s, 0, 2) = 'ab'", "substring(s, -2) = 'ab'", "substring(s, -2, 1) = 'b'",
    "substring(s, -5, 3) = ''", "substring(s, -5, 4) = 'a'", "substring(s, 2, 0) = ''", "substring(s, 1, 1) = '日'",
    "substring(s, 10) = ''", "trim(s) = 'a'", "ltrim(s) = 'a '", "rtrim(s) = ' ab'", "trim(BOTH 'a' FROM s) = 'b'",
    "trim(BOTH '' FROM s) = 'a'", "trim(LEADING 'ab' FROM s) = 'c'", "trim(BOTH 'é日' FROM s) = 'a'",
    "concat(s, s2) = 'ab'", "s || 'x' = 'ax'", "concat(s, s2, 'z') > 'b'", "CASE WHEN i > 1 THEN 'a' ELSE 'b' END = 'a'",
    "CASE i WHEN 1 THEN x WHEN 2 THEN 0.0D END > 1", "CASE WHEN b THEN i WHEN x > 1 THEN i2 END > 1",
    "if(i > 1, i, i2) > 3", "coalesce(i, i2) > 3", "nvl(s, '') = 'a'", "nullif(i, 0) > 3", "greatest(i, i2) > 3",
    "least(i, i2) > 3", "greatest(d, d2) > DATE '2000-01-01'", "isnull(i) OR i > 3", "s = ''", "i > 3 AND length(s) > 1",
    "(i > 1) IS NULL", "(i > 1 OR b) IS NOT NULL", "(i > 1) = (x > 1)", "(i = 1) <=> (i2 = 1)", "NOT (s = s2) OR b",
]  # fmt: skip

#: Evaluated by the store where it can, and again by Spark.
SIEVED = [
    "upper(s) = 'AB'", "lower(s) = 'ab'", "s ILIKE 'ab%'", "s ILIKE '%é%'", "NOT (upper(s) = 'AB')",
    "lower(s) < upper(s2) OR b", "abs(x) < 1000 AND floor(x) = 1", "abs(x) < 1000 AND ceil(x) > 2",
    "i < 100 AND i > -100 AND i2 < 100 AND i2 > -100 AND i + i2 > 3", "sh < 100 AND sh > -100 AND by * sh > 10",
    "sh > 0 AND sh < 1000 AND sh - by = 0", "by > 0 AND -by < 3", "by > -128 AND abs(by) = 100",
    "CAST(whole AS INT) > 5", "whole > 5", "whole = 7", "CAST(real AS DOUBLE) < 2.5", "real = 1.5D", "real > 7D",
    "CAST(day AS DATE) > DATE '1995-01-01'", "day = DATE '1995-12-28'", "NOT (whole IN (5, 12))", "whole + 1 = 4",
    "length(s) + 1 > 3", "sh IN (1, 2) AND i IN (3, 5) AND i2 IN (1, 2, 7) AND -i * sh + 2 * i2 - 1 < 5",
]  # fmt: skip

#: Evaluated by Spark.
LEFT = [
    "s RLIKE '^a.*b$'", "s LIKE 'a_c%'", "s LIKE '%a%b%'", "md5(s) = 'x'", "log(abs(x)) > 1 OR x IS NULL", "isnan(x)",
    "try_cast(s AS INT) > 5", "reverse(s) = 'ba'", "power(x, 2) > 2", "round(x, 1) = 1.5", "dec / 3 > 1",
    "CAST(d AS STRING) = '1995-01-01'", "CAST(x AS STRING) = '1.5'", "exp(x) > 3", "x % 2 = 1", "replace(s, 'a', 'b') = 'b'",
    "bin = X'61'", "date_sub(d, 1) = '1995-03-14'", "try_add(i, i2) > 3", "try_divide(x, x2) > 1", "hash(i) % 2 = 0",
]  # fmt: skip

#: Spark fails on a row of the table.
FAILING = [
    "floor(x) = 1", "ceil(x) > 2", "by * sh > 10", "sh - by = 0", "-by > 3", "abs(by) = 100", "i + i2 > 3", "i * 3 = 9",
    "x / i > 1", "CAST(s AS INT) > 5", "s > 5", "i % i2 = 1", "CAST(l AS INT) = 3",
]  # fmt: skip
