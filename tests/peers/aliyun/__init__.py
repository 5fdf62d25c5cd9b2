"""Scripts that aligo and AliPCS-Py are driven by."""
