"""The health verdict, as one line, as a monitoring plugin and over HTTP."""
