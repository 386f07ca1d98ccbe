"""Videos that come over HTTP: kept piece by piece, probed when they are whole, and moved into the inbox."""
