"""Downloads from servers that nobody trusts: where they may lie, how long they may take, and what is kept of them."""
