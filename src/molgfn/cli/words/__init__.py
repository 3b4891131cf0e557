"""How the command line reads its words: groups of commands, kinds of options."""
