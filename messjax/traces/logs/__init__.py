"""Decision logs: requests that one model each has answered, as a router in production writes them down."""
