"""The options that say who signs."""

import argparse
from pathlib import Path


def add_signer_options(parser: argparse.ArgumentParser, *, required: bool) -> None:
    """`--key`, `--signer` and `--public-key`; `required`: one of the first two has to be given."""
    signer = parser.add_mutually_exclusive_group(required=required)
    signer.add_argument(
        "--key",
        type=Path,
        metavar="FILE",
        help="sign with a private key in PEM, Ed25519 or ECDSA; $LOCKPROOF_KEY_PASSPHRASE opens it",
    )
    signer.add_argument(
        "--signer",
        metavar="URI",
        help="sign with a key that stays where it is: hsm:ID?label=TOKEN (PKCS #11; $PYKCS11LIB"
        " names the module, $LOCKPROOF_KEY_PIN opens it), awskms:, gcpkms:, azurekms:,"
        " hv: (Vault); or 'sigstore', as the CI job that this is",
    )
    parser.add_argument(
        "--public-key",
        type=Path,
        metavar="FILE",
        help="the public half of the key of --signer, in PEM",
    )
