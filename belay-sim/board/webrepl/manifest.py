include("$(PORT_DIR)/manifest.py")
freeze("$(PORT_DIR)/webrepl/modules")
