"""The guest as a machine that a test drives: commands, processes, sockets, files."""
