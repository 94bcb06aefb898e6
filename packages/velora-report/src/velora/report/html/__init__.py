"""The report: one page for the browser that needs no network and no server."""
