"""What pip's and uv's own settings become for the other."""

from package_index import for_uv


def test_uv_trusts_what_the_machine_trusts_as_pip_does() -> None:
    assert for_uv({}, {})["UV_SYSTEM_CERTS"] == "true"


def test_what_uv_was_told_about_certificates_stays() -> None:
    assert for_uv({"UV_SYSTEM_CERTS": "false"}, {})["UV_SYSTEM_CERTS"] == "false"
