include("$(MPY_DIR)/extmod/asyncio")
freeze("$(PORT_DIR)/modules")
