import 'reflect-metadata'
import { Controller, HttpCode, Module, Post, Req, UseGuards } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import type { NestExpressApplication } from '@nestjs/platform-express'
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify'
import { deliveryOf, webhookGuard } from 'sivo-webhooks/verify/nestjs'

const secrets = process.env.SIVO_WEBHOOK_SECRETS!.split(' ')

@Controller('webhooks')
class WebhooksController {
  @Post()
  @HttpCode(204)
  @UseGuards(webhookGuard({ secrets }))
  handle(@Req() request: object) {
    const { event, delivery } = deliveryOf(request)
    if (!event.id || delivery.attempt !== 1) throw new Error('the delivery is not that of the request')
  }
}

@Module({ controllers: [WebhooksController] })
class AppModule {}

const logger = false as const
const apps = {
  async express() {
    const app = await NestFactory.create<NestExpressApplication>(AppModule, { rawBody: true, logger })
    app.useBodyParser('json', { limit: '1mb' })
    return app
  },
  fastify: () => NestFactory.create<NestFastifyApplication>(AppModule, new FastifyAdapter(), { rawBody: true, logger }),
  without: () => NestFactory.create(AppModule, { logger }),
}
const app = await apps[process.env.PLATFORM as keyof typeof apps]()
await app.listen(Number(process.env.PORT), '127.0.0.1')
