# One image for api and worker: the command says which. Built from the lock file, run as a user without rights.
FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY scripts scripts
COPY libs libs
COPY apps apps
# Packages bring types, maps and pages that nothing reads at run time: a third of their size. Licences stay.
RUN npm run build \
 && rm -f dist/.built dist/tsconfig.build.tsbuildinfo \
 && npm prune --omit=dev --ignore-scripts --no-audit --no-fund \
 && find node_modules -type f \( -name '*.map' -o -name '*.ts' -o -name '*.mts' -o -name '*.cts' -o -iname 'readme*' -o -iname 'changelog*' \) -delete \
 && find node_modules -type d -empty -delete

FROM node:24-slim
LABEL org.opencontainers.image.title="Spillway" \
      org.opencontainers.image.description="Self-hosted, queue-backed inference broker behind one OpenAI-compatible endpoint" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    PORT=4100 \
    # The worker writes this file with every heartbeat; its healthcheck looks at the file's age.
    SPILLWAY_HEARTBEAT_FILE=/tmp/heartbeat
WORKDIR /app
# Owned by root: what runs here cannot change itself.
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
USER node
EXPOSE 4100
# Not through a shell: the process itself gets SIGTERM, and drains.
CMD ["node", "--enable-source-maps", "dist/apps/api/src/main.js"]
