"""The simulator adapter. It uses the public interface of `dra_policy` only."""
