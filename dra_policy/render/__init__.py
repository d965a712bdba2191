"""Checked policies as objects of Kubernetes: devices, slices and what else a cluster needs to follow them."""

from dra_policy.render.boards import BoardDevices, Placed, devices_of
from dra_policy.render.catalog import Catalog
from dra_policy.render.machines import Fleet
from dra_policy.render.slices import PoolDevices

__all__ = ["BoardDevices", "Catalog", "Fleet", "Placed", "PoolDevices", "devices_of"]
