"""Spark SQL over OpenStack Swift, with the work that shrinks the data done inside the store."""
