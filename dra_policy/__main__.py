"""`python -m dra_policy` is the command `dra-policy`."""

from dra_policy.cli import main

if __name__ == "__main__":
    main()
