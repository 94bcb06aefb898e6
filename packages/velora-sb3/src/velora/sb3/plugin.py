"""The hooks of velora-sb3, which `velora.sb3_plugin` holds."""

from velora.sb3_plugin import (
    velora_register_checks,
    velora_register_extractors,
    velora_register_policies,
)

__all__ = [
    "velora_register_checks",
    "velora_register_extractors",
    "velora_register_policies",
]
