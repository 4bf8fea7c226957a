"""The command line: parse, ask the daemon or call one function of a room, show what it returned."""
