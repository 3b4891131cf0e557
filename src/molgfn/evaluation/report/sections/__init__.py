"""Parts of the page of a report: how objects were built, their table and map, where numbers come from."""
