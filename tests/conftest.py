"""What every part of the suite may use."""

pytest_plugins = "pytester"
