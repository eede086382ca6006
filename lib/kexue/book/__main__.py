"""`python -m kexue.book build | execute | seeds | serve | stamp`, from the book's root."""

import argparse
import sys
from pathlib import Path


def main() -> int:
    """Run one command and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m kexue.book", description="Build the book.")
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="the folder that holds posts.yml")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("build", help="execute what has changed, then draw the site")
    commands.add_parser("execute", help="execute the chapters that have changed into the cache")
    shaker = commands.add_parser("seeds", help="execute the chapters with other seeds; rewrite claims.json")
    shaker.add_argument("--chapter", help="part/name; default: all chapters")
    stamper = commands.add_parser("stamp", help="write the repository's address into notebooks and configuration")
    stamper.add_argument("repository", nargs="?", help="https://github.com/owner/name; default: as in _config.yml")
    server = commands.add_parser("serve", help="the built site on this machine, compressed as a public host sends it")
    server.add_argument("--port", type=int, default=8000)
    arguments = parser.parse_args()
    root = arguments.root.resolve()
    if not (root / "posts.yml").is_file():
        parser.error(f"{root} holds no posts.yml: run this from the book's root")

    from .running.build import build
    from .running.execute import ExecutionError, execute
    from .running.seeds import SeedError, seeds
    from .running.serve import serve
    from .running.stamp import stamp

    try:
        if arguments.command == "build":
            return build(root)
        if arguments.command == "execute":
            execute(root)
        elif arguments.command == "seeds":
            seeds(root, arguments.chapter)
        elif arguments.command == "serve":
            serve(root / "_build" / "html", arguments.port)
        else:
            print("\n".join(stamp(root, arguments.repository)) or "nothing to change")
    except (ExecutionError, SeedError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; what was finished is kept", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
