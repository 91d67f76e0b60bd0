# One image for api and worker: the command says which. Built from the lock file, run as a user without rights.
FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY scripts scripts
COPY libs libs
COPY apps apps
RUN npm run build && npm prune --omit=dev --ignore-scripts --no-audit --no-fund && rm -f dist/tsconfig.build.tsbuildinfo

FROM node:24-slim
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    PORT=4100 \
    # The worker writes this file with every heartbeat; its healthcheck looks at the file's age.
    SPILLWAY_HEARTBEAT_FILE=/tmp/heartbeat
WORKDIR /app
COPY --from=build --chown=root:root /app/package.json ./
COPY --from=build --chown=root:root /app/node_modules node_modules
COPY --from=build --chown=root:root /app/dist dist
USER node
EXPOSE 4100
# Not through a shell: the process itself gets SIGTERM, and drains.
CMD ["node", "--enable-source-maps", "dist/apps/api/src/main.js"]
