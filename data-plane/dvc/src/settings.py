"""The settings of a stage, from params.yaml in the working directory."""

import yaml


def read(*keys):
    """The value at a path of keys.

    Raises:
        KeyError: params.yaml does not have it.
    """
    with open("params.yaml", encoding="utf-8") as file:
        value = yaml.safe_load(file)
    for key in keys:
        value = value[key]
    return value
