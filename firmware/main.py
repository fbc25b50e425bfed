import asyncio

from watchword import app

asyncio.run(app.run())
