freeze("$(PORT_DIR)/circuitpython/modules")
