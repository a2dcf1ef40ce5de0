"""Deploys applications described by Argo CD Applications and Helm charts in Git onto Kubernetes."""

from ._plate_deploy import __version__

__all__ = ["__version__"]
