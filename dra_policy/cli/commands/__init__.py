"""One module a command: its arguments, one call of the public interface, its output."""
