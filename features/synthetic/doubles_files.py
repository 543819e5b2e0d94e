"""Which person records are of one person, and made-up names to find that out by, beside the truth.

``duplicates.parquet`` has a row for each second record: nominal_id, same_as. ``identities.parquet``
has a row for each person record, as the linking of duplicates reads them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features.errors import Conflict
from features.synthetic.block import Block
from features.synthetic.identities import SCHEMA, identities

PAIRS = pa.schema([("nominal_id", pa.string()), ("same_as", pa.string())])
FILES = {"duplicates.parquet": PAIRS, "identities.parquet": SCHEMA}


class DoublesFiles:
    """The two files of a world, written block by block.

    Parameters
    ----------
    folder : Path
        The folder of the truth.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writers: dict[str, pq.ParquetWriter] = {}
        there = [str(folder / name) for name in FILES if (folder / name).exists()]
        if there:
            raise Conflict(
                f"{', '.join(there)}: there already, and left alone", remedy="Name another folder."
            )

    def add(self, block: Block, ids: pa.Array, nominals: pa.Table) -> None:
        """Write a block's second records, and names for all its nominals.

        Parameters
        ----------
        block : Block
        ids : pyarrow.Array
            Nominal ids by number in the register.
        nominals : pyarrow.Table
            The nominal table of the block, corrections included.
        """
        if not self._writers:
            self._folder.mkdir(parents=True, exist_ok=True)
            for name, schema in FILES.items():
                self._writers[name] = pq.ParquetWriter(self._folder / name, schema)
        both = block.numbers[block.doubles["double"]] >= 0
        both &= block.numbers[block.doubles["person"]] >= 0
        second, first = (block.doubles[name][both] for name in ("double", "person"))
        pairs = pa.table([ids.take(pa.array(second)), ids.take(pa.array(first))], schema=PAIRS)
        self._writers["duplicates.parquet"].write_table(pairs)

        final = nominals.filter(nominals["superseded_on"].is_null()).sort_by("nominal_id")
        born = final["born_on"].to_numpy().astype("datetime64[D]")
        row = np.full(len(block.numbers), -1, dtype=np.int64)
        met = np.flatnonzero(block.numbers >= 0)
        row[met[np.argsort(block.numbers[met])]] = np.arange(len(met))
        found = identities(
            final["nominal_id"].combine_chunks(),
            born,
            {"double": row[second], "person": row[first]},
            block.streams["identities"],
        )
        self._writers["identities.parquet"].write_table(found)

    def close(self) -> None:
        """Finish the files."""
        for writer in self._writers.values():
            writer.close()
