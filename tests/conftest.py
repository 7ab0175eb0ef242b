"""What every part of the suite may use."""

pytest_plugins = "pytester"

#: A project of its own, with its own manifest: `make hooks` runs it.
collect_ignore = ["hooks"]
