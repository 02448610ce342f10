"""The only place that knows everything: settings, app factory, problem details, command line, embedded services."""

__version__ = "0.1.0"
