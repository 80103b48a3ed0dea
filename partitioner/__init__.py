"""Planning: which requests read an object, as pure functions of sizes and of the store's shape."""
