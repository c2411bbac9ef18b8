"""`lockproof lint`: check the manifests before they are applied."""

import argparse

from lockproof.cli.cluster import add_cluster_options, chosen_kubeconfig
from lockproof.cli.reports import add_report_options, deliver
from lockproof.model.lint_family import LINT_FAMILIES


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this verb."""
    parser.description = (
        "Build the kustomizations below the paths and check what would be applied: fields, types\n"
        "and values against the schemas of the kinds, references, pins, resources, confinement,\n"
        "secrets, canaries and Prometheus expressions. Nothing is fetched or applied."
    )
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="PATH",
        help="file or folder (default: the policy's, else control-plane, else everything)",
    )
    parser.add_argument(
        "--kubernetes-version",
        type=_version,
        metavar="VERSION",
        help="the version that the manifests must fit, such as 1.34 (default: the policy's)",
    )
    parser.add_argument(
        "--schema-location",
        action="append",
        default=[],
        metavar="WHERE",
        help="folder or URL with JSON schemas, which may be a template as kubeconform's, or a"
        " folder with CustomResourceDefinitions; 'default' is the bundled ones; may be repeated,"
        " the first that knows a kind decides",
    )
    parser.add_argument(
        "--cluster",
        action="store_true",
        help="ask a cluster: it gives the schemas, and its API server says in a dry run, which"
        " writes nothing, what it would refuse",
    )
    add_cluster_options(parser)
    parser.add_argument(
        "--only",
        choices=LINT_FAMILIES,
        action="append",
        default=[],
        metavar="FAMILY",
        help=f"look at this family of checks alone, of {', '.join(LINT_FAMILIES)}; may be repeated"
        " (default: all that [lint] off leaves on)",
    )
    add_report_options(parser)


def _version(text: str) -> str:
    parts = text.removeprefix("v").split(".")
    if len(parts) not in (2, 3) or not all(part.isascii() and part.isdigit() for part in parts):
        raise argparse.ArgumentTypeError("must be a version such as 1.34")
    return ".".join(parts[:2])


def run(args: argparse.Namespace) -> int:
    """Lint, print the report, and return the verdict's exit code."""
    from lockproof.cli.plain_progress import PlainProgress
    from lockproof.errors import UsageError
    from lockproof.steps.lint import Request, lint

    if (args.context or args.kubeconfig) and not args.cluster:
        raise UsageError("--context and --kubeconfig say which cluster: add --cluster")
    if "cluster" in args.only and not args.cluster:
        raise UsageError("--only cluster asks a cluster: add --cluster")
    request = Request(
        directory=args.directory,
        paths=tuple(args.paths),
        kubernetes_version=args.kubernetes_version,
        schema_locations=tuple(args.schema_location),
        cluster=args.cluster,
        kubeconfig=chosen_kubeconfig(args),
        context=args.context,
        only=tuple(args.only),
    )
    report = lint(request, PlainProgress())
    deliver(report, args)
    return report.verdict.exit_code
