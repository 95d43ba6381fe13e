"""Values kept up to a number of bytes; the oldest go first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

V = TypeVar("V")


class Kept(Generic[K, V]):
    """The values used last, up to a number of bytes. The newest is kept whatever its size."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self._items: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self.used_bytes = 0

    def __len__(self) -> int:
        return len(self._items)

    def get(self, key: K) -> V | None:
        """The value of `key`, which becomes the newest, or None."""
        if key not in self._items:
            return None
        self._items.move_to_end(key)
        return self._items[key][0]

    def put(self, key: K, value: V, nbytes: int) -> None:
        """Keep `value`; the oldest ones go until the rest fits."""
        self.drop(key)
        self._items[key] = (value, nbytes)
        self.used_bytes += nbytes
        while self.used_bytes > self.limit_bytes and len(self._items) > 1:
            _, (_, freed) = self._items.popitem(last=False)
            self.used_bytes -= freed

    def __contains__(self, key: K) -> bool:
        """Whether `key` is kept; asking does not make it more recent."""
        return key in self._items

    def drop(self, key: K) -> None:
        """Forget `key`, if it is known."""
        if key in self._items:
            self.used_bytes -= self._items.pop(key)[1]
