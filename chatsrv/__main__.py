"""`python -m chatsrv` is the command `chatsrv`."""

from chatsrv.cli import main

if __name__ == "__main__":
    main(prog_name="chatsrv")
