"""The subcommands of `tinynet`: each module has the options of one, and the function that runs it.

A command imports the engine inside its functions, because `tinynet --help` and a wrong option must not wait for it.
"""
