"""The Spark side: the planner process, what it decides and asks of the store, and helpers for PySpark sessions."""
