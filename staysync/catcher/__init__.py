"""The mail catcher: takes every mail of a developer's machine, sends none on, and shows them on a page."""
