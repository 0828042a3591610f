"""Tables as numpy and safetensors write them, and their columns centred and scaled by numpy.

Pinned: numpy 2.4.6, safetensors 0.8.0. Run in this folder: python generate.py
"""

import json

import numpy as np
from safetensors.numpy import save_file

rng = np.random.default_rng(0)
names = ["KLF1", "MYC", "Trametinib_100nM", "βcat"]
columns = ["length", "charge", "weight"]
values = rng.normal(size=(4, 3)).round(3) * [1, 10, 100]
utf, ascii_names = np.array(names), np.array(["KLF1", "MYC", "SPI1", "TP53"], dtype="S")

np.savez("plain.npz", names=utf, values=values, columns=np.array(columns))
np.savez_compressed("compressed.npz", names=utf, values=values, columns=np.array(columns))
np.savez("fortran.npz", names=utf, values=np.asfortranarray(values), columns=np.array(columns))
np.savez("bytes.npz", names=ascii_names, values=values.astype(">f4"))
np.savez("pickled.npz", names=np.array(names, dtype=object), values=values)
np.savez("unnamed.npz", rows=utf, values=values)
metadata = {"names": json.dumps(names), "columns": json.dumps(columns)}
save_file({"values": values}, "one.safetensors", metadata=metadata)
save_file({n: row.astype(np.float32) for n, row in zip(names, values)}, "many.safetensors")
save_file({"A": np.zeros(3, np.float32), "B": np.zeros(2, np.float32)}, "ragged.safetensors")

expected = {
    "names": names,
    "columns": columns,
    "standardised": ((values - values.mean(0)) / values.std(0)).ravel().tolist(),
}
with open("expected.json", "w") as out:
    json.dump(expected, out, ensure_ascii=False, indent=1)
    out.write("\n")
