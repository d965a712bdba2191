"""Who a pool and a device are: the slice that a device is listed in is no part of its identity (B1)."""

from __future__ import annotations

from typing import NamedTuple


class PoolID(NamedTuple):
    """A pool: driver and pool name (B1). Tuple order is the order of pools, ascending bytes (B10)."""

    driver: str
    pool: str

    def __str__(self) -> str:
        return f"{self.driver}/{self.pool}"


class DeviceID(NamedTuple):
    """A device: driver, pool and device name (B1).

    >>> str(DeviceID("gpu.nvidia.com", "node-1", "gpu-0"))
    'gpu.nvidia.com/node-1/gpu-0'
    """

    driver: str
    pool: str
    device: str

    @property
    def pool_id(self) -> PoolID:
        return PoolID(self.driver, self.pool)

    def __str__(self) -> str:
        return f"{self.driver}/{self.pool}/{self.device}"


__all__ = ["DeviceID", "PoolID"]
