"""The sample queries of the demo; the tests compare each one's rows with spark.read.csv on the same files."""

from __future__ import annotations

import samples.smart_meter as smart_meter
import samples.tpch as tpch

#: Each table's schema.
SCHEMAS = {**tpch.SCHEMAS, "meters": smart_meter.SCHEMA}

#: Title and text of each query.
QUERIES = {
    "Shipped on one day": """SELECT l_orderkey, l_extendedprice, l_shipdate FROM lineitem
WHERE l_shipdate = DATE '1995-03-15' ORDER BY l_extendedprice DESC LIMIT 5""",
    "TPC-H Q6: revenue of small discounts": """SELECT sum(l_extendedprice * l_discount) AS revenue FROM lineitem
WHERE l_shipdate >= DATE '1994-01-01' AND l_shipdate < DATE '1995-01-01'
  AND l_discount BETWEEN 0.05 AND 0.07 AND l_quantity < 24""",
    "Urgent orders and their lines (a join)": """SELECT o_orderdate, count(*) AS lines, sum(l_quantity) AS quantity
FROM orders JOIN lineitem ON o_orderkey = l_orderkey
WHERE o_orderpriority = '1-URGENT' AND o_orderdate BETWEEN DATE '1996-12-30' AND DATE '1997-01-02'
  AND l_shipmode IN ('AIR', 'MAIL')
GROUP BY o_orderdate ORDER BY o_orderdate""",
    "How many lines are there": "SELECT count(*) AS lines FROM lineitem",
    "Meters in Washington, D.C. or without a reading": """SELECT date, vid, city, sumHC, sumHP FROM meters
WHERE (city = 'Washington, D.C.' AND sumHP > 20) OR (sumHC IS NULL AND NOT state_abbr IN ('TX', 'OR', 'DC'))
ORDER BY date, vid LIMIT 5""",
    "A city's peak load in January": """SELECT city, round(avg(sumHP), 3) AS peak FROM meters
WHERE date < DATE '2012-02-01' AND lat > 40 GROUP BY city ORDER BY city""",
}
