"""The subcommands of `tinynet`: each module describes its options and runs."""
